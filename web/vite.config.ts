import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * Every file directly in src/ is an entry and becomes built/<name>.js: the worker, and one script a page. Folders of
 * src/ hold what entries share.
 */
const entries = Object.fromEntries(
  readdirSync(here("src"))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => [name.slice(0, -3), here(`src/${name}`)]),
);

export default defineConfig({
  base: "./",
  publicDir: false,
  build: {
    outDir: here("../src/amparo/hub/static/built"),
    emptyOutDir: true,
    target: "es2022",
    // Whoever is asked to trust this code with her pictures can read it in her browser as it was written.
    minify: false,
    // The polyfill would be a script of its own, for browsers that have no workers either.
    modulePreload: false,
    rolldownOptions: {
      input: entries,
      preserveEntrySignatures: "exports-only",
      // Templates name these files; the hub gives them their cache headers.
      output: { entryFileNames: "[name].js", chunkFileNames: "shared-[name].js", assetFileNames: "[name][extname]" },
    },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
