import { describe, expect, test } from "vitest"
import { SseSplitter } from "@/api/sse"
import { emptyReply, errorOf, fold, speed, wayOf, whole, type Reply } from "./reply"

const chunk = (choice: object, more: object = {}) => `data: ${JSON.stringify({ choices: [choice], ...more })}\n\n`
const STREAM = [
  ": routerd\n\n",
  chunk({ delta: { role: "assistant", content: "" }, finish_reason: null }),
  chunk({ delta: { reasoning_content: "Hm." } }),
  chunk({ delta: { content: "Grüße, " } }),
  chunk({ delta: { content: "<b>Welt</b> 🙂" } }),
  chunk({ delta: {}, finish_reason: "stop" }),
  'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}\n\n',
  "data: [DONE]\n\n",
  ": x-routerd-config: 0123456789ab, x-routerd-route: r%C3%BCck, x-routerd-provider: demo, x-routerd-model: echo, x-routerd-attempts: 2, x-routerd-dropped: /a,/b\n\n",
].join("")

function read(text: string): Reply {
  return new SseSplitter().feed(text).reduce((reply, block, at) => fold(reply, block, at), emptyReply())
}

test("a stream that is split at any byte gives the same reply", () => {
  const bytes = new TextEncoder().encode(STREAM)
  const expected = read(STREAM)
  for (let at = 0; at <= bytes.length; at++) {
    const splitter = new SseSplitter()
    const blocks = [...splitter.feed(bytes.slice(0, at)), ...splitter.feed(bytes.slice(at))]
    expect(blocks.reduce((reply, block, number) => fold(reply, block, number), emptyReply())).toEqual(expected)
  }
})

test("a stream brings text, thinking, usage, and in the closing comment the way it went", () => {
  expect(read(STREAM)).toEqual({
    text: "Grüße, <b>Welt</b> 🙂",
    thinking: "Hm.",
    finish: "stop",
    usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
    error: null,
    isDone: true,
    firstAt: 2,
    way: { config: "0123456789ab", route: "rück", provider: "demo", model: "echo", attempts: 2, dropped: "/a,/b" },
  })
})

describe("errors in the stream", () => {
  test("leave what was said before", () => {
    const reply = read(`${chunk({ delta: { content: "so far" } })}data: {"error":{"message":"It broke.","type":"server_error","code":"overloaded"}}\n\n`)
    expect(reply).toMatchObject({ text: "so far", isDone: false, error: { status: null, code: "overloaded", message: "It broke." } })
  })

  test("are found in what is no JSON", () => {
    expect(read("data: <html>\n\n").error?.code).toBe("bad_reply")
  })
})

test.each([
  [{ code: "model_not_found", message: "There is no model `x`." }, { status: 404, code: "model_not_found", message: "There is no model `x`." }],
  [{ code: null, type: "invalid_request_error", message: "No." }, { status: 404, code: "invalid_request_error", message: "No." }],
  ["<html>", { status: 404, code: "error", message: "The answer has status 404." }],
])("an error %j", (error, told) => expect(errorOf(error, 404)).toEqual(told))

test("an answer without a stream", () => {
  const answer = { choices: [{ message: { content: null, refusal: "No.", tool_calls: [{ function: { name: "f", arguments: "{}" } }] }, finish_reason: "tool_calls" }] }
  expect(whole(emptyReply(), answer, 7)).toMatchObject({ text: "No.\nf {}", finish: "tool_calls", isDone: true, firstAt: 7 })
})

test("the way a request went is in its headers", () => {
  expect(wayOf([["X-Routerd-Request-Id", "req_1"], ["x-routerd-attempts", "3"], ["x-routerd-model", "100%"], ["date", "today"]])).toEqual({ requestId: "req_1", attempts: 3, model: "100%" })
})

test("speed is that after the first token, where there is time enough to tell", () => {
  const reply = { ...emptyReply(), firstAt: 1_000, usage: { prompt_tokens: 1, completion_tokens: 30, total_tokens: 31 } }
  expect([speed(reply, 3_000), speed(reply, 1_010), speed(reply, null), speed(emptyReply(), 5)]).toEqual([15, null, null, null])
})
