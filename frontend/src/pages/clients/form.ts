import type { components } from "@/api/schema"

export type Client = components["schemas"]["Client"]

/** What a client is asked to be. `routes` null: all of them. */
export interface ClientForm {
  name: string
  routes: string[] | null
  is_active: boolean
}

/** What is wrong with a name, as router.yaml has it; null: nothing. */
export function wrongName(name: string): string | null {
  if (!name) return "Give it a name."
  if (name.length > 64) return "A name has at most 64 characters."
  if (name.includes("/")) return "A name has no slash."
  if (name !== name.trim() || /[\x00-\x1f\x7f]/.test(name)) return "A name has no space at its ends, and only printable characters."
  return /^[0-9]+$/.test(name) ? "A name is not digits only." : null
}
