import type { Preview } from "@/composables/edit"

const PLAIN = /stands here in plain text/

/** A key is sealed when it is saved, and only then: what a dry run tells of it is put as it will stand in the file. */
export function asSealed<T extends Preview>(preview: T): T {
  const diff = preview.diff.replaceAll(/^\+.*$/gm, (line) => line.replaceAll("[redacted]", "age:… (sealed when it is saved)"))
  return { ...preview, diff, problems: preview.problems.filter((problem) => !(problem.severity === "warning" && PLAIN.test(problem.message))) }
}
