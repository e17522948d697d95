/** Owns the files of the request collections: what is generated from the document of this tree. Never edited by hand. */
import { renderOpenApi } from '../openapi.ts'
import { renderBruno } from './bruno.ts'
import { type Document, type Planned, planOf } from './plan.ts'
import { renderPostman } from './postman.ts'

const plan = async (): Promise<Planned[]> => planOf(JSON.parse(await renderOpenApi()) as Document)

export const renderPostmanFile = async (): Promise<string> => renderPostman(await plan())

export const renderBrunoFolder = async (): Promise<Record<string, string>> => renderBruno(await plan())
