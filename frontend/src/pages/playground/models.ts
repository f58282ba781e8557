import { api, baseUrl, body } from "@/api/client"
import { callerHeaders } from "./exchange"

/** What may be sent as `model`: routes, then what providers list. */
export interface Models {
  routes: string[]
  listed: string[]
}

interface Listing {
  data: { id: string; owned_by: string }[]
}

/** The list that this caller gets; who may not call is told what there is by the management API. */
export async function modelsFor(key: string, signal: AbortSignal): Promise<Models> {
  const response = await fetch(`${baseUrl}/v1/models`, { headers: callerHeaders(key), signal, cache: "no-store" })
  if (!response.ok) return allModels(signal)
  const { data } = (await response.json()) as Listing
  return {
    routes: data.filter((each) => each.owned_by === "routerd" && !each.id.includes("/")).map((each) => each.id),
    listed: data.filter((each) => each.id.includes("/")).map((each) => each.id),
  }
}

async function allModels(signal: AbortSignal): Promise<Models> {
  const [routes, providers] = await Promise.all([body(api.GET("/api/model-routes", { signal })), body(api.GET("/api/providers", { signal }))])
  return {
    routes: routes.filter((route) => route.is_active).map((route) => route.name),
    listed: providers.filter((provider) => provider.is_active).flatMap((provider) => provider.models.map((model) => `${provider.name}/${model}`)),
  }
}
