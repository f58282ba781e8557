import { expect, test } from "vitest"
import { EventSplitter } from "./events"

const STREAM = ': routerd\n\nid: 1\nevent: generation\ndata: {"generation":2}\n\nid: 2\nevent: attempt\ndata: {"text":"a: b"}\n\n'
const EVENTS = [
  { id: "1", kind: "generation", data: { generation: 2 } },
  { id: "2", kind: "attempt", data: { text: "a: b" } },
]

test("a stream split anywhere gives the same events", () => {
  for (let at = 0; at <= STREAM.length; at++) {
    const splitter = new EventSplitter()
    expect([...splitter.feed(STREAM.slice(0, at)), ...splitter.feed(STREAM.slice(at))]).toEqual(EVENTS)
  }
})

test("an event is given when it is whole, not before", () => {
  const splitter = new EventSplitter()
  expect(splitter.feed('event: generation\ndata: {"a":1}\n')).toEqual([])
  expect(splitter.feed("\n")).toEqual([{ id: "", kind: "generation", data: { a: 1 } }])
})
