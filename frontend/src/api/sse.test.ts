import { describe, expect, test } from "vitest"
import { SseSplitter, type SseBlock } from "./sse"

const STREAM = ': routerd\n\ndata: {"text":"größer 🙂"}\n\nid: 7\nevent: error\ndata: one\ndata: two\n\n: x-routerd-route: r\n\ndata: [DONE]\n\n'
const BLOCKS: SseBlock[] = [
  { id: "", event: "message", data: null, comments: ["routerd"] },
  { id: "", event: "message", data: '{"text":"größer 🙂"}', comments: [] },
  { id: "7", event: "error", data: "one\ntwo", comments: [] },
  { id: "", event: "message", data: null, comments: ["x-routerd-route: r"] },
  { id: "", event: "message", data: "[DONE]", comments: [] },
]

describe.each([
  ["LF", "\n"],
  ["CRLF", "\r\n"],
  ["CR", "\r"],
])("lines that end with %s", (_, end) => {
  const bytes = new TextEncoder().encode(STREAM.replaceAll("\n", end) + "data: not whole")

  test("a stream that is split at any byte gives the same blocks", () => {
    for (let at = 0; at <= bytes.length; at++) {
      const splitter = new SseSplitter()
      expect([...splitter.feed(bytes.slice(0, at)), ...splitter.feed(bytes.slice(at))]).toEqual(BLOCKS)
    }
  })

  test("one byte at a time gives them, too", () => {
    const splitter = new SseSplitter()
    expect([...bytes].flatMap((byte) => splitter.feed(Uint8Array.of(byte)))).toEqual(BLOCKS)
  })
})

test.each([
  ["data:close", "close"],
  ["data:  two spaces", " two spaces"],
  ["data", ""],
  ["retry: 5\ndata: x", "x"],
])("%j", (line, data) => {
  expect(new SseSplitter().feed(`${line}\n\n`)).toEqual([{ id: "", event: "message", data, comments: [] }])
})
