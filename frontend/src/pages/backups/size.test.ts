import { expect, test } from "vitest"
import { backupIn, sizeOf } from "./size"

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [4300, "4.2 KiB"],
  [1024 * 1024, "1.0 MiB"],
])("%d bytes", (bytes, expected) => expect(sizeOf(bytes)).toBe(expected))

test("a document that is no backup is told so before it is sent", () => {
  expect(backupIn("{")).toBe("This is no JSON.")
  expect(backupIn("[]")).toMatch(/no backup/)
  expect(backupIn('{"providers": []}')).toMatch(/no backup/)
  expect(backupIn('{"providers": [], "routes": [], "version": 1}')).toEqual({ providers: [], routes: [], version: 1 })
})
