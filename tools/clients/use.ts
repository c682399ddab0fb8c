// A consumer's code, as the compiler sees it: `make clients` checks its types, and runs nothing.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Tiltak = components["schemas"]["Tiltak"];
type Problem = components["schemas"]["ProblemSvar"];

const fnr = "15877512360"; // synthetic: 80 has been added to the month
const header = { Behandlingsnummer: "B123" };
const client = createClient<paths>({ baseUrl: "https://datadeling.invalid" });

export async function tiltakIDag(token: string): Promise<Tiltak[]> {
  const { data, error } = await client.POST("/api/v1/tiltaksstatus", {
    params: { header },
    body: { fnr, felter: ["tiltakstype", "startDato", "sluttDato", "varighetDager"] },
    headers: { Authorization: `Bearer ${token}` },
  });
  return error ? refused(error) : data.naavaerende;
}

export async function paaTiltak(personer: string[][], dato: string): Promise<(boolean | undefined)[]> {
  const { data, error } = await client.POST("/api/v1/tiltaksstatus/bolk", {
    params: { header },
    body: { personer: personer.map((identer) => ({ identer })), dato },
  });
  return error ? refused(error) : data.resultater.map((resultat) => resultat.paaTiltak);
}

export async function alleAvtaler(bedriftNr: string): Promise<components["schemas"]["Avtale"][]> {
  const avtaler: components["schemas"]["Avtale"][] = [];
  let markoer: string | null = null;
  do {
    const side: components["schemas"]["Avtaleside"] = await avtaleside(bedriftNr, markoer);
    avtaler.push(...side.avtaler);
    markoer = side.markoer;
  } while (markoer !== null);
  return avtaler;
}

async function avtaleside(bedriftNr: string, markoer: string | null) {
  const { data, error } = await client.POST("/api/v1/avtaler/sok", {
    params: { header },
    body: { bedriftNr, periode: { fom: "2026-01-01" }, ...(markoer === null ? {} : { markoer }) },
  });
  return error ? refused(error) : data;
}

export async function sluttDato(avtaleId: string): Promise<string | null | undefined> {
  const { data, error } = await client.GET("/api/v1/avtaler/{avtaleId}", {
    params: { header, path: { avtaleId }, query: { felter: ["sluttDato"] } },
  });
  return error ? refused(error) : data.sluttDato;
}

export async function avtaleIdFor(avtaleNr: number): Promise<string | undefined> {
  const { data, error } = await client.GET("/api/v1/avtaler", { params: { header, query: { avtaleNr } } });
  return error ? refused(error) : data.avtaleId;
}

export async function endringer(avtaleId: string): Promise<string[]> {
  const { data, error } = await client.GET("/api/v1/avtaler/{avtaleId}/historikk", {
    params: { header, path: { avtaleId } },
  });
  return error ? refused(error) : data.versjoner.flatMap((versjon) => versjon.endret);
}

function refused({ kode, detail, traceId }: Problem): never {
  throw new Error(`${kode}: ${detail} (${traceId})`);
}

// What the description forbids is refused by the compiler; it complains of a line here that it would accept.

// @ts-expect-error: no Behandlingsnummer
client.POST("/api/v1/tiltaksstatus", { body: { fnr } });

// @ts-expect-error: there is no such field
client.POST("/api/v1/avtaler/sok", { params: { header }, body: { fnr, felter: ["navn"] } });

// @ts-expect-error: a number has no persons
client.POST("/api/v1/tiltaksstatus/bolk", { params: { header }, body: { personer: 2 } });

// @ts-expect-error: no avtaleNr
client.GET("/api/v1/avtaler", { params: { header, query: {} } });
