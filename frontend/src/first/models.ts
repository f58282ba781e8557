const NOT_FOR_CHAT =
  /embed|whisper|tts|dall-e|image|imagen|veo|sora|video|moderation|realtime|audio|transcribe|speech|rerank|guard|ocr|davinci|babbage|instruct|search|computer-use|aqa|robotics|live/i

/** The general model that most would begin with, of the families in this order; `#` stands for its version. */
const FAMILIES = ["claude-sonnet-#", "gpt-#", "gemini-#-flash", "grok-#", "deepseek-chat", "mistral-large-latest", "kimi-k#", "glm-#", "llama-#-versatile", "openai/gpt-oss-120b"]

/** The models that answer chats, as far as their names tell; all of them where none does. */
export function forChat(models: readonly string[]): string[] {
  const found = models.filter((model) => !NOT_FOR_CHAT.test(model))
  return found.length ? found : [...models]
}

/** The one to begin with: the newest of the first family that is there, else the first that chats. */
export function toBeginWith(models: readonly string[]): string {
  const able = forChat(models)
  for (const family of FAMILIES) {
    const found = able.filter((model) => pattern(family).test(model.replace(/^.*\//, "")) || model === family)
    if (found.length) return found.sort(byVersion)[0]!
  }
  return able[0] ?? ""
}

function pattern(family: string): RegExp {
  return new RegExp(`^${family.replace("#", "[\\d.-]*\\d")}$`)
}

/** The newest first; of one version the name without a date, which moves on by itself. */
function byVersion(one: string, other: string): number {
  const [a, b] = [numbers(one), numbers(other)]
  for (let at = 0; at < 2; at++) if ((a[at] ?? 0) !== (b[at] ?? 0)) return (b[at] ?? 0) - (a[at] ?? 0)
  return one.length - other.length
}

function numbers(model: string): number[] {
  return (model.match(/\d+/g) ?? []).map(Number).filter((number) => number < 1000)
}
