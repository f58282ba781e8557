import type { components } from "@/api/schema"

export type Provider = components["schemas"]["Provider"]
