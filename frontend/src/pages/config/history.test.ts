import { expect, test } from "vitest"
import { placesOf } from "./history"

test("a problem with its place, and a reason that has none", () => {
  expect(placesOf([{ severity: "error", line: 3, column: 12, path: "providers.a.adaptor", message: "is no key", hint: null }, { message: "The file is empty." }])).toEqual([
    { place: "3:12", message: "providers.a.adaptor is no key" },
    { place: null, message: "The file is empty." },
  ])
})
