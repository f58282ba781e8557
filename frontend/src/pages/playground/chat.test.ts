import { expect, test } from "vitest"
import { messagesOf, requestOf, type ChatSettings } from "./chat"
import { emptyReply } from "./reply"

const SETTINGS: ChatSettings = { model: "smart", system: "", temperature: null, maxTokens: null, isStream: true, key: "secret" }
const turn = (prompt: string, text: string) => ({ prompt, reply: { ...emptyReply(), text } })

test("a conversation is sent as it was, without what brought no reply", () => {
  expect(messagesOf([turn("one", "1"), turn("two", ""), turn("three", "3")], "Be brief.", "four").map((message) => `${message.role}: ${message.content}`)).toEqual([
    "system: Be brief.",
    "user: one",
    "assistant: 1",
    "user: three",
    "assistant: 3",
    "user: four",
  ])
  expect(messagesOf([], "  ", "hello")).toHaveLength(1)
})

test("a request has what was set, and never the key", () => {
  const messages = messagesOf([], "", "hello")
  expect(requestOf(SETTINGS, messages)).toEqual({ model: "smart", messages, stream: true, stream_options: { include_usage: true } })
  expect(requestOf({ ...SETTINGS, temperature: 0, maxTokens: 5, isStream: false }, messages)).toEqual({ model: "smart", messages, temperature: 0, max_tokens: 5 })
})
