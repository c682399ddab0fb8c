// What is typed can be an identity number and a token: nothing of it is kept in the browser.
const forgetful = {
  length: 0,
  getItem: () => null,
  setItem: () => {},
  removeItem: () => {},
  clear: () => {},
};

const example = `# Tokenet skrives under Headers, variablene under Variables.
query ($fnr: String) {
  avtalerForPerson(personnummer: $fnr) {
    avtaleId
    avtaleNr
    tiltakstype
    avtaleStatus
    startDato
    sluttDato
  }
}
`;

const send = GraphiQL.createFetcher({ url: "/graphql" });

// The page asks for the schema as soon as it is shown, when nobody can have given a token yet.
const fetcher = (params, options) =>
  /^Bearer \S+$/.test(options?.headers?.Authorization ?? "")
    ? send(params, options)
    : { errors: [{ message: "Skriv tokenet under Headers, og hent skjemaet på nytt (knappen nede til venstre)." }] };

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    storage: forgetful,
    shouldPersistHeaders: false,
    isHeadersEditorEnabled: true,
    defaultEditorToolsVisibility: "headers",
    defaultQuery: example,
    variables: '{"fnr": "15877512360"}',
    headers: '{"Authorization": "Bearer "}',
  }),
);
