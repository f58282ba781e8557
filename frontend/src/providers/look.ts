import { computed, ref, shallowRef, toValue, type MaybeRefOrGetter } from "vue"
import { api, body } from "@/api/client"
import { asProblem } from "@/api/problem"
import { test, type Listed, type Tested } from "./calls"
import { hasMoved, unsavedOf, type Draft, type Provider } from "./draft"

type Found = Pick<Tested, "status" | "status_code" | "latency_ms" | "detail">

/** Tests and lists what a form says, be it saved or not. */
export function useLook(draft: MaybeRefOrGetter<Draft>, saved: MaybeRefOrGetter<Provider | undefined>) {
  const found = shallowRef<Found | null>(null)
  const listed = shallowRef<Listed | null>(null)
  const busy = ref<"test" | "list" | null>(null)
  const isSaved = computed(() => {
    const provider = toValue(saved)
    return !!provider && !hasConnectionOfItsOwn(provider, toValue(draft))
  })
  const hindrance = computed(() => whyNot(toValue(draft), toValue(saved), isSaved.value))

  async function look(deep: boolean): Promise<void> {
    busy.value = "test"
    found.value = await answer(() => (isSaved.value ? test(toValue(saved)!, deep) : tryOut(unsaved(), deep)))
    busy.value = null
  }

  async function list(): Promise<void> {
    busy.value = "list"
    const path = { id: String(toValue(saved)?.id) }
    const asked = () => (isSaved.value ? body(api.GET("/api/providers/{id}/models", { params: { path } })) : discover(unsaved()))
    listed.value = { models: [], adapter: "", vendor: null, ...(await answer(asked)) } as Listed
    busy.value = null
  }

  const unsaved = () => unsavedOf(toValue(draft))
  return { found, listed, busy, hindrance, look, list }
}

export function discover(unsaved: ReturnType<typeof unsavedOf>): Promise<Listed> {
  return body(api.POST("/api/providers/discover", { body: unsaved })) as Promise<Listed>
}

function tryOut(unsaved: ReturnType<typeof unsavedOf>, deep: boolean): Promise<Tested> {
  return body(api.POST("/api/providers/test-direct", { params: { query: { deep } }, body: unsaved })) as Promise<Tested>
}

/** Why what the form says can't be called; null when it can. */
export function whyNot(draft: Draft, provider: Provider | undefined, isSaved: boolean): string | null {
  if (isSaved) return null
  if (draft.key.how === "reference") return "A reference is tested once it is saved."
  if (provider?.api_key.set && draft.key.how === "keep" && hasMoved(provider, draft)) return "Enter the key again: it was given for another address."
  if (!draft.base_url.trim() && !draft.vendor && draft.adapter !== "echo") return "Choose a vendor, or enter its address."
  return null
}

function hasConnectionOfItsOwn(provider: Provider, draft: Draft): boolean {
  if (draft.key.how !== "keep") return true
  const before = [provider.base_url ?? "", provider.vendor ?? "", provider.adapter, provider.allow_private ?? false]
  const is = [draft.base_url.trim(), draft.vendor, draft.adapter, draft.allow_private]
  return before.some((value, at) => value !== is[at])
}

async function answer<T extends Found>(ask: () => Promise<T>): Promise<T | Found> {
  try {
    return await ask()
  } catch (error) {
    return { status: "error", status_code: null, latency_ms: null, detail: asProblem(error).detail }
  }
}
