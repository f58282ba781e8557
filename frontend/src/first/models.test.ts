import { expect, test } from "vitest"
import { forChat, toBeginWith } from "./models"

test.each([
  [["text-embedding-3-small", "gpt-4o", "gpt-5", "gpt-5.2", "gpt-5.2-2025-12-11", "gpt-5.2-mini", "gpt-image-1"], "gpt-5.2"],
  [["claude-haiku-4-5", "claude-sonnet-4-20250514", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "claude-opus-4-5"], "claude-sonnet-4-5"],
  [["gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-flash-image", "gemini-2.5-pro"], "gemini-2.5-flash"],
  [["anthropic/claude-sonnet-4.5", "openai/gpt-5"], "anthropic/claude-sonnet-4.5"],
  [["nomic-embed-text", "qwen3-coder"], "qwen3-coder"],
  [["whisper-1"], "whisper-1"],
  [[], ""],
])("of %o one begins with %s", (models, first) => {
  expect(toBeginWith(models)).toBe(first)
})

test("what makes no chats is left out", () => {
  expect(forChat(["gpt-5", "tts-1", "dall-e-3", "omni-moderation-latest", "o3"])).toEqual(["gpt-5", "o3"])
})
