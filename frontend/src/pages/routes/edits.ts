import { ref } from "vue"
import { api, body } from "@/api/client"
import { useEdit } from "@/composables/edit"
import { patchOf, payloadOf, type Route, type RouteDraft } from "./draft"

type What = "create" | "save" | "toggle" | "remove"

/** The edits of routes: each is shown before it is made. */
export function useRouteEdits(done: (what: What, answer: unknown) => unknown) {
  const edit = useEdit((answer) => done(what, answer))
  const doomed = ref<Route | null>(null)
  let what: What = "save"

  function begin(kind: What, route: Route | null = null): void {
    what = kind
    doomed.value = route
  }

  function create(draft: RouteDraft): Promise<void> {
    begin("create")
    const payload = payloadOf(draft)
    return edit.ask(`Create the route ${payload.name}`, (dry) => body(api.POST("/api/model-routes", { params: { query: { dry_run: dry } }, body: payload })))
  }

  function save(id: number, before: RouteDraft, now: RouteDraft): Promise<void> {
    begin("save")
    const patch = patchOf(before, now)
    return edit.ask(`Save the route ${now.name}`, (dry) => body(api.PATCH("/api/model-routes/{id}", { params: { path: { id: String(id) }, query: { dry_run: dry } }, body: patch })))
  }

  function toggle(route: Route): Promise<void> {
    begin("toggle")
    const patch = { is_active: !route.is_active }
    const title = `${route.is_active ? "Deactivate" : "Activate"} the route ${route.name}`
    return edit.ask(title, (dry) => body(api.PATCH("/api/model-routes/{id}", { params: { path: { id: String(route.id) }, query: { dry_run: dry } }, body: patch })))
  }

  function remove(route: Route, force = false): Promise<void> {
    begin("remove", route)
    return edit.ask(`Delete the route ${route.name}`, (dry) =>
      body(api.DELETE("/api/model-routes/{id}", { params: { path: { id: String(route.id) }, query: { dry_run: dry, force } } })),
    )
  }

  return { edit, doomed, create, save, toggle, remove }
}

export type RouteEdits = ReturnType<typeof useRouteEdits>
