import { expect, test } from "vitest"
import { nameIn } from "./changes"

test.each([
  ["client", "client cline", "cline"],
  ["price", "price of groq/llama", "groq/llama"],
  ["server", "server", ""],
  ["origin", "provider groq", "provider groq"],
  ["access", "clients", "clients"],
  ["client", "clients", "clients"],
  ["provider", "provider of", "of"],
] as const)("%s, %s", (kind, subject, name) => expect(nameIn({ kind, subject })).toBe(name))
