import { expect, test } from "vitest"
import { patched } from "./patch"

const HEAD = "--- router.yaml\n+++ router.yaml\n"

test.each([
  ["nothing", "a\nb\n", "", "a\nb\n"],
  ["a line", "a\nb\nc\n", `${HEAD}@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n`, "a\nB\nc\n"],
  ["one more", "a\nb\n", `${HEAD}@@ -2,0 +3 @@\n+c\n`, "a\nb\nc\n"],
  ["two places", "a\nb\nc\nd\n", `${HEAD}@@ -1 +1 @@\n-a\n+A\n@@ -4 +4,2 @@\n-d\n+D\n+e\n`, "A\nb\nc\nD\ne\n"],
  ["of another text", "x\ny\n", `${HEAD}@@ -1 +1 @@\n-a\n+A\n`, null],
])("%s", (_, text, diff, expected) => expect(patched(text, diff)).toBe(expected))
