import { createApp } from "vue"
import App from "./App.vue"
import { takeTokenFromLink } from "./api/token"
import { router } from "./router"
import "./styles/tokens.css"
import "./styles/base.css"
import "./styles/parts.css"

addEventListener("hashchange", () => takeTokenFromLink() && location.reload()) // the link, opened in a tab that has the page
createApp(App).use(router).mount("#app")
