/** Pages with a passkey form: they ask the desk for a challenge, the device for an answer, and send that to the desk. */

import { base64url, fromBase64url } from "./page/base64";

interface CreationJson {
  readonly challenge: string;
  readonly rp: PublicKeyCredentialRpEntity;
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string };
  readonly pubKeyCredParams: PublicKeyCredentialParameters[];
  readonly timeout: number;
  readonly excludeCredentials: readonly { readonly id: string }[];
  readonly authenticatorSelection: AuthenticatorSelectionCriteria;
}

interface RequestJson {
  readonly challenge: string;
  readonly rpId: string;
  readonly timeout: number;
  readonly userVerification: UserVerificationRequirement;
}

interface Answer {
  readonly challenge: string;
  readonly credential: object;
}

/** What the desk says of a refusal (RFC 9457). */
interface Problem {
  readonly detail: string;
}

class Refused extends Error {}

for (const form of document.querySelectorAll<HTMLFormElement>("form.passkey")) {
  prepare(form);
}

function prepare(form: HTMLFormElement): void {
  const button = form.querySelector("button");
  const said = form.querySelector(".said");
  const { ask = "", answer = "", origin = "" } = form.dataset;
  if (!button || !said) {
    throw new Error("the page's passkey form is not whole");
  }
  if (location.origin !== origin) {
    said.textContent = `Passkeys of this desk work at ${origin} only. Open it there.`;
    return;
  }
  if (!("credentials" in navigator) || !("PublicKeyCredential" in window)) {
    said.textContent = "This browser knows no passkeys.";
    return;
  }
  button.disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    said.textContent = "Your device asks you now.";
    ceremony(form, ask, answer).catch((error: unknown) => {
      button.disabled = false;
      said.textContent = error instanceof Refused ? error.message : "That did not work, or was cancelled. Try again.";
    });
  });
}

async function ceremony(form: HTMLFormElement, ask: string, answer: string): Promise<void> {
  const options = await post(ask, {});
  const label = form.querySelector<HTMLInputElement>("[name=label]");
  const made = isCreation(options)
    ? { ...(await created(options)), label: label?.value ?? "" }
    : await got(options as RequestJson);
  const { to } = (await post(answer, made)) as { to: string };
  location.assign(to);
}

function isCreation(options: object): options is CreationJson {
  return "user" in options;
}

async function created(options: CreationJson): Promise<Answer> {
  const credential = (await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: fromBase64url(options.challenge),
      user: { ...options.user, id: fromBase64url(options.user.id) },
      excludeCredentials: options.excludeCredentials.map(({ id }) => ({ type: "public-key", id: fromBase64url(id) })),
    },
  })) as PublicKeyCredential;
  const response = credential.response as AuthenticatorAttestationResponse;
  return {
    challenge: options.challenge,
    credential: {
      ...parts(credential),
      response: {
        clientDataJSON: text(response.clientDataJSON),
        attestationObject: text(response.attestationObject),
        transports: response.getTransports(),
      },
    },
  };
}

async function got(options: RequestJson): Promise<Answer> {
  const credential = (await navigator.credentials.get({
    publicKey: { ...options, challenge: fromBase64url(options.challenge), allowCredentials: [] },
  })) as PublicKeyCredential;
  const response = credential.response as AuthenticatorAssertionResponse;
  return {
    challenge: options.challenge,
    credential: {
      ...parts(credential),
      response: {
        clientDataJSON: text(response.clientDataJSON),
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: response.userHandle ? text(response.userHandle) : null,
      },
    },
  };
}

function parts(credential: PublicKeyCredential): object {
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, clientExtensionResults: {} };
}

function text(buffer: ArrayBuffer): string {
  return base64url(new Uint8Array(buffer));
}

async function post(path: string, content: object): Promise<object> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  const said = (await answer.json()) as object;
  if (!answer.ok) {
    throw new Refused((said as Problem).detail);
  }
  return said;
}
