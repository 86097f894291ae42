import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Writes a `.gz` and a `.br` beside every built text, where that is smaller. */
function compressed(): Plugin {
  let dist = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      dist = config.build.outDir;
    },
    closeBundle() {
      for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const plain = readFileSync(path);
        const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        for (const [ending, bytes] of [
          ["gz", gzipSync(plain, { level: 9 })],
          ["br", brotliCompressSync(plain, brotli)],
        ] as const) {
          if (bytes.length < plain.length) writeFileSync(`${path}.${ending}`, bytes);
        }
      }
    },
  };
}

// A program that runs, for development: `npm run dev`.
const program = process.env.COINSPHERE_URL ?? "http://127.0.0.1:3001";

export default defineConfig({
  plugins: [react(), tailwindcss(), compressed()],
  build: {
    target: "es2023",
    // The page's policy lets in images from `data:`, but scripts and styles from files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/api": { target: program, ws: true },
      "/docs": program,
      "/openapi.json": program,
      "/health": program,
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
