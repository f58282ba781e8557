// Where a token is needed it is asked for, and kept for this tab, as the pages at / keep theirs. One that is typed into "Authorize"
// stays in this page's memory, and goes with it.
const KEPT_AS = "routerd-token";
const form = document.getElementById("login");
const field = document.getElementById("token");
const wrong = document.getElementById("wrong");

function authorization() {
  const token = sessionStorage.getItem(KEPT_AS);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function show(spec) {
  form.hidden = true;
  window.ui = SwaggerUIBundle({
    spec,
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    persistAuthorization: false,
    validatorUrl: null,
    requestInterceptor: (request) => Object.assign(request, { headers: { ...authorization(), ...request.headers } }),
  });
}

async function open() {
  const answer = await fetch("openapi.json", { headers: authorization(), cache: "no-store" });
  if (answer.ok) return show(await answer.json());
  const problem = await answer.json();
  if (answer.status !== 401 || sessionStorage.getItem(KEPT_AS)) wrong.textContent = problem.detail;
  form.hidden = false;
  field.focus();
}

async function tryToOpen() {
  try {
    await open();
  } catch (error) {
    form.hidden = false;
    wrong.textContent = String(error);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEPT_AS, field.value.trim());
  tryToOpen();
});
tryToOpen();
