import { expect, test } from "vitest"
import errors from "../../../routerd/errors.py?raw"
import { kindOf, KINDS } from "./kinds"

test("every kind of error of the server has words here, and no other", () => {
  const table = errors.slice(errors.indexOf("KINDS:"), errors.indexOf("class RouterError"))
  const kinds = [...table.matchAll(/^ {4}"(\w+)": _kind\(/gm)].map((found) => found[1])
  expect(Object.keys(KINDS).sort()).toEqual([...kinds, "cancelled"].sort())
})

test("a kind of a newer server is read as it is", () => {
  expect(kindOf("upstream_asleep").words).toBe("upstream asleep")
})
