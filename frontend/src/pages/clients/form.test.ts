import { expect, test } from "vitest"
import { wrongName } from "./form"

test.each(["cline", "my laptop", "a.b-c", "x1", "ü"])("a name: %j", (name) => expect(wrongName(name)).toBeNull())
test.each(["", " a", "a/b", "42", "a\tb", "x".repeat(65)])("no name: %j", (name) => expect(wrongName(name)).not.toBeNull())
