export interface components {
  schemas: {
    AgentView: { id: string; name: string; languages: string[]; available: boolean };
    AgentPage: { items: components["schemas"]["AgentView"][] };
    CandidateView: { agent_id: string; name: string; score: number | null; reasons: string[] };
    DecisionView: {
      decision_id: string;
      assignee_id: string | null;
      queue: string;
      reasons: string[];
      candidates: components["schemas"]["CandidateView"][];
      routed_at: string;
    };
    TicketRoutingView: { decisions: components["schemas"]["DecisionView"][] };
  };
}
type Json<T> = { headers: Record<string, unknown>; content: { "application/json": T } };
export interface paths {
  "/api/agents": {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: Json<components["schemas"]["AgentPage"]> };
    };
  };
  "/api/routing/tickets/{ticket_id}": {
    get: {
      parameters: { query?: never; header?: never; path: { ticket_id: string }; cookie?: never };
      requestBody?: never;
      responses: { 200: Json<components["schemas"]["TicketRoutingView"]> };
    };
  };
}
