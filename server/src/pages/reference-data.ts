/** Owns the shape of what the page of the API shows. The API's own text is English; wording around it is not here. */

/** A parameter, or a member of a body or an answer. `link` is the id of the schema that it has, on the same page. */
export type ReferenceRow = {
  depth: number
  name: string
  type: string
  required: boolean
  /** Parted at backticks: every other piece is code. */
  description: readonly string[]
  link?: string
}

/** A body, an answer, or a schema with a name. */
export type ReferencePart = { id?: string; title: string; type: string; schema?: string; rows: readonly ReferenceRow[] }

export type ReferenceOperation = {
  id: string
  method: string
  path: string
  summary: string
  /** Every second one is a name of the wire. */
  who: readonly string[]
  parameters: readonly ReferenceRow[]
  bodies: readonly ReferencePart[]
  answers: readonly ReferencePart[]
  refusals: readonly { status: string; meaning: string }[]
  curl: string
}
export type ReferenceChapter = { id: string; title: string; operations: readonly ReferenceOperation[] }

/** `reference` is the same object each time, so that it is drawn once (render.ts); `document` is where the OpenAPI document is. */
export type ReferencePages = {
  docs: { reference: ReferenceView; document: string; version: string }
}

/** What is drawn once. */
export type ReferenceView = {
  chapters: readonly ReferenceChapter[]
  schemas: readonly ReferencePart[]
  refusals: readonly { status: string; meaning: string }[]
}
