import { api, body } from "@/api/client"
import type { Entry } from "@/api/mergePatch"
import { asProblem } from "@/api/problem"
import type { components } from "@/api/schema"
import type { Send } from "@/composables/edit"
import type { Provider } from "./draft"

export type Tested = components["schemas"]["Tested"]
export type Listed = components["schemas"]["Listed"]

/** A new provider, ready to be asked for. */
export function creation(entry: () => Entry): Send {
  return (dry) => body(api.POST("/api/providers", { params: { query: { dry_run: dry } }, body: entry() as components["schemas"]["NewProvider"] }))
}

/** A change of one. */
export function change(provider: Pick<Provider, "id">, patch: () => Entry): Send {
  const path = { id: String(provider.id) }
  return (dry) => body(api.PATCH("/api/providers/{id}", { params: { path, query: { dry_run: dry } }, body: patch() as components["schemas"]["ProviderPatch"] }))
}

/** The end of one. Routes that use it are told to `used`; then it is taken out of them. */
export function removal(provider: Pick<Provider, "id">, used: (by: string[]) => void): Send {
  const path = { id: String(provider.id) }
  let force = false
  const send = (dry: boolean) => body(api.DELETE("/api/providers/{id}", { params: { path, query: { dry_run: dry, force } } }))
  return async (dry) => {
    try {
      return await send(dry)
    } catch (error) {
      const problem = asProblem(error)
      if (!dry || problem.kind !== "in_use") throw error
      used(problem.more.used_by as string[])
      force = true
      return await send(dry)
    }
  }
}

export function test(provider: Pick<Provider, "id">, deep: boolean): Promise<Tested> {
  return body(api.POST("/api/providers/{id}/test", { params: { path: { id: String(provider.id) }, query: { deep } } })) as Promise<Tested>
}
