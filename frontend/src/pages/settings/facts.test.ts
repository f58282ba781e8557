import { describe, expect, test } from "vitest"
import type { Status } from "@/composables/status"
import { databaseFacts, fileFacts, gitFacts, keyFacts } from "./facts"

const FINE: Status = {
  version: "1",
  generation: 3,
  digest: "d".repeat(64),
  started_at: "2026-01-15T10:30:00+00:00",
  uptime_seconds: 5,
  replicas: 1,
  anonymous: true,
  config: { file: "/srv/router.yaml", state: "ok", cure: null, is_served: true },
  last_reload: null,
  last_good_copy: { is_kept: true, reason: null },
  backup: { is_kept: true, reason: null, at: null, left_out: [] },
  keys: { recipients: 2, standing: "2 recipients" },
  database: { state: "ok", reason: null, dropped: 0, set_aside: null },
  git: { head: "a".repeat(40), is_dirty: false, reason: null, last_commit: null },
}

test("nothing to warn of", () => {
  const facts = [fileFacts, keyFacts, gitFacts, databaseFacts].flatMap((tell) => tell(FINE))
  expect(facts.filter((fact) => fact.tone === "warn" || fact.tone === "bad")).toEqual([])
})

describe("what is worth saying", () => {
  test("one recipient: how to add a second one", () => {
    const [fact] = keyFacts({ ...FINE, keys: { recipients: 1, standing: "1 recipient, not backed up" } })
    expect(fact).toMatchObject({ value: "1 recipient, not backed up", tone: "warn" })
    expect(fact!.hint).toContain("`recipients`")
  })

  test("a broken file: what to do", () => {
    const config = { file: "router.yaml", state: "invalid", cure: "Fix it.", is_served: false }
    expect(fileFacts({ ...FINE, config }).filter((fact) => fact.tone === "bad").map((fact) => fact.hint ?? null)).toEqual(["Fix it.", null])
  })

  test("an edit that was not committed, and why", () => {
    const git = { head: null, is_dirty: true, reason: null, last_commit: { commit: null, reason: "a merge is under way" } }
    expect(gitFacts({ ...FINE, git }).at(-1)).toMatchObject({ value: "not committed", tone: "warn", hint: "a merge is under way" })
  })

  test("rows that were dropped", () => {
    expect(databaseFacts({ ...FINE, database: { ...FINE.database, dropped: 4 } })[1]).toMatchObject({ value: "4", tone: "warn" })
  })
})
