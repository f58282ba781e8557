import { createApp } from "vue"
import App from "./App.vue"
import { takeTokenFromLink } from "./api/token"
import { router } from "./router"
import "./styles/tokens.css"
import "./styles/base.css"
import "./styles/parts.css"

takeTokenFromLink()
createApp(App).use(router).mount("#app")
