/** On every page: leave at once, by the button or by Shift three times. */

const PRESSES = 3;
const WITHIN_MILLISECONDS = 2000;

let presses: number[] = [];

function leave(): void {
  // First nothing can be read any more, then the way leads on; the page itself does not stay in the history.
  document.documentElement.classList.add("left");
  location.replace("/leave");
}

document.getElementById("leave")?.addEventListener("click", (event) => {
  event.preventDefault();
  leave();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Shift" || event.repeat) {
    if (event.key !== "Shift") {
      presses = [];
    }
    return;
  }
  presses = [...presses.filter((moment) => event.timeStamp - moment < WITHIN_MILLISECONDS), event.timeStamp];
  if (presses.length >= PRESSES) {
    leave();
  }
});

/** The Navigation API, as far as it is needed; not every browser has it. */
interface Activation {
  readonly from: object | null;
  readonly navigationType: string;
}

/** Whether the way back from another site led here. Of entries of other origins a browser tells nothing. */
function cameBackFromElsewhere(): boolean {
  const { navigation } = window as { navigation?: { readonly activation?: Activation | null } };
  const activation = navigation?.activation;
  return activation?.navigationType === "traverse" && activation.from === null;
}

const stay = document.getElementById("stay");

stay?.addEventListener("click", () => {
  document.documentElement.classList.remove("left");
  stay.hidden = true;
});

window.addEventListener("pageshow", () => {
  // Earlier pages are still in the history: whoever goes back to one sees nothing of it until a button is pressed.
  const covered = cameBackFromElsewhere();
  document.documentElement.classList.toggle("left", covered);
  if (stay) {
    stay.hidden = !covered;
  }
  presses = [];
});
