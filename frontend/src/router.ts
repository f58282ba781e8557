import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router"
import { takeTokenFromLink } from "./api/token"

interface PageMeta {
  title: string
  /** Its place in the navigation; pages without one are reached from others. */
  nav?: "main" | "more"
  icon?: string
}

declare module "vue-router" {
  interface RouteMeta extends PageMeta {}
}

export const pages: RouteRecordRaw[] = [
  { path: "/", name: "overview", component: () => import("./pages/OverviewPage.vue"), meta: { title: "Overview", nav: "main", icon: "gauge" } },
  { path: "/providers", name: "providers", component: () => import("./pages/ProvidersPage.vue"), meta: { title: "Providers", nav: "main", icon: "cloud" } },
  { path: "/providers/:id", name: "provider", component: () => import("./pages/ProviderPage.vue"), props: true, meta: { title: "Provider" } },
  { path: "/routes", name: "routes", component: () => import("./pages/RoutesPage.vue"), meta: { title: "Routes", nav: "main", icon: "route" } },
  { path: "/routes/:id", name: "route", component: () => import("./pages/RoutePage.vue"), props: true, meta: { title: "Route" } },
  { path: "/playground", name: "playground", component: () => import("./pages/PlaygroundPage.vue"), meta: { title: "Playground", nav: "main", icon: "chat" } },
  { path: "/requests", name: "requests", component: () => import("./pages/RequestsPage.vue"), meta: { title: "Requests", nav: "main", icon: "list" } },
  { path: "/requests/:id", name: "request", component: () => import("./pages/RequestPage.vue"), props: true, meta: { title: "Request" } },
  { path: "/config", name: "config", component: () => import("./pages/ConfigPage.vue"), meta: { title: "Config", nav: "main", icon: "file" } },
  { path: "/clients", name: "clients", component: () => import("./pages/ClientsPage.vue"), meta: { title: "Clients", nav: "main", icon: "key" } },
  { path: "/backups", name: "backups", component: () => import("./pages/BackupsPage.vue"), meta: { title: "Backups", nav: "more", icon: "archive" } },
  { path: "/settings", name: "settings", component: () => import("./pages/SettingsPage.vue"), meta: { title: "Status", nav: "more", icon: "settings" } },
  { path: "/:rest(.*)*", name: "missing", component: () => import("./pages/MissingPage.vue"), meta: { title: "Not found" } },
]

/** The path that the server put into <base>: where routerd is mounted. */
const mountedAt = new URL(document.baseURI).pathname

takeTokenFromLink() // first: the router keeps the address that it finds

export const router = createRouter({
  history: createWebHistory(mountedAt),
  routes: pages,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? {} : { top: 0 }),
})

// Another version of routerd calls the parts of its pages by other names: what this page lacks, a new one has.
router.onError(async (_, to) => {
  const isFirst = !router.currentRoute.value.matched.length // it is new
  const isThere = !isFirst && (await fetch(document.baseURI, { method: "HEAD", cache: "no-store" }).then((answer) => answer.ok, () => false))
  if (isThere) location.assign(router.resolve(to.fullPath).href)
})

router.afterEach((to) => {
  document.title = to.meta.title === "Overview" ? "routerd" : `${to.meta.title} · routerd`
})
