import vue from "@vitejs/plugin-vue"
import { loadEnv } from "vite"
import { defineConfig } from "vitest/config"

const SERVED = ["/api", "/v1", "/v1beta", "/docs", "/openapi.json", "/schemas", "/metrics", "/ping"]

export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, import.meta.dirname).VITE_API_PROXY_TARGET || "http://127.0.0.1:8000"
  // routerd refuses a foreign Origin and Host: to it, the page that vite serves is its own.
  const proxy = { target, changeOrigin: true, headers: { origin: target } }
  return {
    base: "./", // the server says in <base> where it is: behind another proxy that may be a sub-path
    plugins: [vue()],
    resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
    server: { proxy: Object.fromEntries(SERVED.map((path) => [`^${path}(?:/|\\?|$)`, proxy])) },
    preview: { proxy: Object.fromEntries(SERVED.map((path) => [`^${path}(?:/|\\?|$)`, proxy])) },
    build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0, reportCompressedSize: false },
    // One DOM for all files: to make one for each takes forty times as long as the tests.
    test: { environment: "happy-dom", include: ["src/**/*.test.ts"], isolate: false },
  }
})
