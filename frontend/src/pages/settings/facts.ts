import type { Status } from "@/composables/status"

/** One thing to know: what, how it stands, and what to do about it. */
export interface Fact {
  name: string
  value: string
  tone?: "good" | "warn" | "bad"
  hint?: string | null
  isCode?: boolean
}

export function fileFacts({ config, last_good_copy: copy, backup }: Status): Fact[] {
  return [
    { name: "File", value: config.file, isCode: true },
    { name: "State", value: config.state, tone: config.state === "ok" ? "good" : "bad", hint: config.cure },
    { name: "Serves", value: config.is_served ? "yes" : "no: what served before goes on", tone: config.is_served ? "good" : "bad" },
    kept("Last good copy", copy),
    kept("Backup", backup),
    ...backup.left_out.map(({ path, reason }): Fact => ({ name: "Not in the backup", value: path, tone: "warn", hint: reason, isCode: true })),
  ]
}

function kept(name: string, { is_kept: isKept, reason }: { is_kept: boolean; reason: string | null }): Fact {
  return { name, value: isKept ? "kept" : "not kept", tone: isKept ? "good" : "warn", hint: reason }
}

export function keyFacts({ keys }: Status): Fact[] {
  if (!keys.recipients) return [{ name: "Recipients", value: "none", hint: "No key is sealed in router.yaml. The first one that is entered here makes an identity, and its recipient." }]
  const isSafe = keys.recipients > 1
  const hint = isSafe ? null : "If this machine's identity is lost, so are the keys. Add the public key of a second one to `recipients` on the Config page (`age-keygen` makes one), then run `routerd key rotate`."
  return [{ name: "Recipients", value: keys.standing ?? String(keys.recipients), tone: isSafe ? "good" : "warn", hint }]
}

export function gitFacts({ git }: Status): Fact[] {
  if (!git) return [{ name: "Commits", value: "off", hint: "With `server: {git: commit}` each edit here becomes a commit of router.yaml." }]
  const commit = git.last_commit
  const facts: Fact[] = [{ name: "HEAD", value: git.head?.slice(0, 12) ?? "none", isCode: true, hint: git.reason }]
  if (git.is_dirty !== null) facts.push({ name: "The file", value: git.is_dirty ? "differs from HEAD" : "as in HEAD", tone: git.is_dirty ? "warn" : "good" })
  if (commit) facts.push({ name: "Last edit", value: commit.commit?.slice(0, 12) ?? "not committed", tone: commit.commit ? "good" : "warn", hint: commit.reason })
  return facts
}

const DATABASE = { ok: "good", unused: undefined, unusable: "bad" } as const

export function databaseFacts({ database }: Status): Fact[] {
  const facts: Fact[] = [{ name: "state.db", value: database.state, tone: DATABASE[database.state], hint: database.reason }]
  facts.push({ name: "Rows never written", value: String(database.dropped), tone: database.dropped ? "warn" : undefined, hint: database.dropped ? "Requests were answered all the same; the ledger lacks them." : null })
  if (database.set_aside) facts.push({ name: "A broken one is kept as", value: database.set_aside, tone: "warn", isCode: true })
  return facts
}
