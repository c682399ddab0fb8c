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

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql" }),
    storage: forgetful,
    shouldPersistHeaders: false,
    isHeadersEditorEnabled: true,
    defaultEditorToolsVisibility: "headers",
    defaultQuery: example,
    variables: '{"fnr": "15877512360"}',
    headers: '{"Authorization": "Bearer …"}',
  }),
);
