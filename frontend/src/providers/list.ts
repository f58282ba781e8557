import { api, body } from "@/api/client"
import { useGenerations } from "@/composables/generations"
import { useLive } from "@/composables/live"
import { useResource, type Resource } from "@/composables/resource"
import type { Preset, Provider } from "./draft"
import { withHealth, type HealthNews } from "./standing"

/** All providers, with how they stand at this moment. */
export function useProviders(): Resource<Provider[]> {
  const resource = useResource((signal) => body(api.GET("/api/providers", { signal })) as Promise<Provider[]>)
  useLive(["health"], (event) => {
    if (resource.data.value) resource.data.value = withHealth(resource.data.value, event.data as HealthNews)
  })
  useGenerations(resource.refresh)
  return resource
}

let known: Promise<Preset[]> | null = null

/** The vendors that routerd knows; they are asked for once. */
export function useVendors(): Resource<Preset[]> {
  return useResource(() => {
    known ??= (body(api.GET("/api/vendors")) as Promise<Preset[]>).catch((error: unknown) => {
      known = null
      throw error
    })
    return known
  })
}
