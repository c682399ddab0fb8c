// What a consumer in TypeScript writes: paths, bodies and answers are checked against the description.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Tiltak = components["schemas"]["Tiltak"];

export async function currentTiltak(url: string, token: string, fnr: string): Promise<Tiltak[]> {
  const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
  const { data, error } = await client.POST("/api/v1/tiltaksstatus", {
    params: { header: { Behandlingsnummer: "B123" } },
    body: { fnr, felter: ["tiltakstype", "startDato", "sluttDato"] },
  });
  if (error) throw new Error(`datadeling: ${error.kode}, traceId ${error.traceId}`);
  return data.naavaerende;
}
