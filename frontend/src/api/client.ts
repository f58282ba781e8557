import createClient, { type Middleware } from "openapi-fetch"
import { problemOf } from "./problem"
import type { paths } from "./schema"
import { isRefused, token } from "./token"

/** Where the API is: beside the page, unless the build was told otherwise. */
export const baseUrl = (import.meta.env.VITE_API_BASE_URL || document.baseURI).replace(/\/$/, "")

export function authorization(): Record<string, string> {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {}
}

const guard: Middleware = {
  onRequest({ request }) {
    if (token.value) request.headers.set("Authorization", `Bearer ${token.value}`)
    return request
  },
  async onResponse({ response }) {
    if (response.ok) return response
    if (response.status === 401) isRefused.value = true
    throw await problemOf(response)
  },
}

/** The management API, typed by its OpenAPI document. What is not a success is thrown as a `Problem`. */
export const api = createClient<paths>({ baseUrl, cache: "no-store" })
api.use(guard)

/** The body of an answer that has one. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T
}

/** The body and the ETag, for what will be edited. */
export async function tagged<T>(answer: Promise<{ data?: T; response: Response }>): Promise<{ data: T; etag: string | null }> {
  const { data, response } = await answer
  return { data: data as T, etag: response.headers.get("etag") }
}
