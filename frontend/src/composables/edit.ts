import { ref, shallowRef } from "vue"
import { asProblem, type ConfigProblem, type Problem } from "@/api/problem"

/** What an edit would do to router.yaml. */
export interface Preview {
  diff: string
  problems: ConfigProblem[]
  /** What follows for others. */
  warnings?: string[]
}

/** An edit of the file: sent dry to be shown first, then in earnest. */
export type Send = (dryRun: boolean) => Promise<unknown>

/** One edit at a time: `ask` shows what it would change, `confirm` makes it. */
export function useEdit(done?: (answer: unknown) => unknown) {
  const isOpen = ref(false)
  const isBusy = ref(false)
  const preview = shallowRef<Preview | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const title = ref("")
  let send: Send | null = null

  async function ask(what: string, edit: Send): Promise<void> {
    title.value = what
    send = edit
    preview.value = null
    isOpen.value = true
    const answer = await attempt(() => edit(true))
    if (answer) preview.value = answer as Preview
  }

  async function confirm(): Promise<void> {
    const edit = send
    if (!edit) return
    const answer = await attempt(() => edit(false))
    if (problem.value) return
    isOpen.value = false
    await done?.(answer)
  }

  async function attempt(what: () => Promise<unknown>): Promise<unknown> {
    isBusy.value = true
    problem.value = null
    try {
      return await what()
    } catch (error) {
      problem.value = asProblem(error)
      return null
    } finally {
      isBusy.value = false
    }
  }

  return { isOpen, isBusy, preview, problem, title, ask, confirm }
}

export type Edit = ReturnType<typeof useEdit>
