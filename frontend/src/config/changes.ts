import type { components } from "@/api/schema"

type Change = components["schemas"]["Change"]

/** Whose change it is, without the word for its kind, where that begins it: `cline` of `client cline`, nothing of `server`. */
export function nameIn({ kind, subject }: Pick<Change, "kind" | "subject">): string {
  return subject.replace(new RegExp(`^${kind}(?: of(?= ))?(?: |$)`), "")
}
