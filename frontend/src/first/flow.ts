import { computed, reactive, ref, shallowRef } from "vue"
import { api, body } from "@/api/client"
import { asProblem, Problem } from "@/api/problem"
import type { components } from "@/api/schema"
import type { Preview } from "@/composables/edit"
import { creation, test } from "@/providers/calls"
import { unsavedOf, type Preset, type Provider } from "@/providers/draft"
import { discover } from "@/providers/look"
import { freeName } from "@/providers/names"
import { vendorsOf } from "./key"
import { toBeginWith } from "./models"
import { draftFor, isAsShown, providerEntry, routeEntry, routeLines, type Entered } from "./plan"

type NewRoute = components["schemas"]["NewRoute"]

/** From a pasted key to a route that answers: look, show the lines, write them. */
export function useFirstMinutes() {
  const step = ref<"key" | "lines" | "done">("key")
  const isBusy = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const entered = reactive({ key: "", vendorName: "", baseUrl: "" })
  const presets = shallowRef<Preset[]>([])
  const models = shallowRef<string[]>([])
  const chosen = reactive({ provider: "", model: "", route: "", isFirstRoute: true, isSaved: false })
  const preview = shallowRef<Preview | null>(null)
  const another = shallowRef<string | null>(null) // what the route really adds, when it is not what was shown
  let taken: string[] = []

  const likely = computed(() => vendorsOf(entered.key, presets.value))
  const vendor = computed(() => presets.value.find((preset) => preset.name === entered.vendorName) ?? (entered.baseUrl || likely.value.length !== 1 ? undefined : likely.value[0]))
  const canLook = computed(() => (!!vendor.value && !!entered.key.trim()) || (!!entered.baseUrl.trim() && URL.canParse(entered.baseUrl.trim())))
  const lines = computed(() => routeLines(chosen.route, chosen.provider, chosen.model, chosen.isFirstRoute))
  const diff = computed(() => another.value ?? (chosen.isSaved ? "" : (preview.value?.diff ?? "")) + lines.value.map((line) => `+${line}\n`).join(""))
  const isReadOnly = computed(() => problem.value?.kind === "config_read_only" && !problem.value.diff) // the built-in example serves
  const what = (): Entered => ({ key: entered.key, vendor: vendor.value, baseUrl: entered.baseUrl })

  /** Ask the provider what it has, and the server what a provider like this would add. */
  async function look(): Promise<void> {
    if (!canLook.value || isBusy.value) return
    await attempt(async () => {
      await names()
      const listed = await discover(unsavedOf(draftFor(what(), [])))
      const hasNoList = listed.status_code === 404 || listed.status_code === 405
      if (listed.status !== "online" && !hasNoList) throw new Problem(0, "unusable", `${vendor.value?.title ?? "It"} does not take this: ${listed.detail ?? listed.status}.`)
      models.value = listed.models
      chosen.model = toBeginWith(listed.models)
      preview.value = (await creation(() => providerEntry(what(), taken))(true)) as Preview
      step.value = "lines"
    })
  }

  async function names(): Promise<void> {
    const [providers, routes] = await Promise.all([body(api.GET("/api/providers")), body(api.GET("/api/model-routes"))])
    taken = providers.map((provider) => provider.name)
    chosen.provider = draftFor(what(), taken).name
    chosen.isFirstRoute = !routes.length
    chosen.route = freeName("smart", routes.map((route) => route.name))
  }

  /** Write the lines. A route whose lines turn out to be others than those shown is shown anew first. */
  async function save(): Promise<void> {
    await attempt(async () => {
      if (!chosen.isSaved) void test((await creation(() => providerEntry(what(), taken))(false)) as Provider, false).catch(() => undefined)
      chosen.isSaved = true
      const made = routeEntry(chosen.route, chosen.provider, chosen.model) as NewRoute
      const would = (await body(api.POST("/api/model-routes", { params: { query: { dry_run: true } }, body: made }))) as Preview
      const isAgreed = isAsShown(would.diff, lines.value) || another.value === would.diff
      another.value = isAgreed ? null : would.diff
      if (!isAgreed) return
      await body(api.POST("/api/model-routes", { body: made }))
      entered.key = ""
      step.value = "done"
    })
  }

  /** Whether anything can be written here at all. */
  async function begin(vendors: Preset[]): Promise<void> {
    presets.value = vendors
    const probe = { name: "first", adapter: "echo" } as components["schemas"]["NewProvider"]
    await attempt(() => body(api.POST("/api/providers", { params: { query: { dry_run: true } }, body: probe })))
    if (!isReadOnly.value) problem.value = null
  }

  async function attempt(what: () => Promise<unknown>): Promise<void> {
    isBusy.value = true
    problem.value = null
    try {
      await what()
    } catch (error) {
      problem.value = asProblem(error)
    } finally {
      isBusy.value = false
    }
  }

  function back(): void {
    step.value = "key"
    preview.value = null
  }

  return { step, isBusy, problem, isReadOnly, entered, presets, likely, vendor, canLook, models, chosen, preview, diff, look, save, begin, back }
}

export type FirstMinutes = ReturnType<typeof useFirstMinutes>
