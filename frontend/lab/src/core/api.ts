import type { components } from "../../../web/src/api/schema";

/** The platform's answers, as its OpenAPI document describes them. */
export type Schemas = components["schemas"];
