import { ref, watchEffect } from "vue"

export type Theme = "system" | "light" | "dark"

const KEPT_AS = "routerd-theme"
const kept = localStorage.getItem(KEPT_AS)

export const theme = ref<Theme>(kept === "light" || kept === "dark" ? kept : "system")

watchEffect(() => {
  document.documentElement.dataset.theme = theme.value
  localStorage.setItem(KEPT_AS, theme.value)
})
