export interface components {
  schemas: {
    Status: "new" | "open" | "pending" | "on_hold" | "solved" | "closed";
    Priority: "low" | "normal" | "high" | "urgent";
    TicketType: "question" | "technical" | "billing" | "feature_request" | "incident";
    Channel: "api" | "email" | "form" | "chat" | "event" | "phone";
    RequesterView: { customer_id: string; name: string };
    AssigneeView: { id: string; name: string };
    SlaView: {
      next_due_at: string | null;
      state: ("running" | "paused" | "warned" | "breached" | "met") | null;
      metric: ("first_response" | "resolution") | null;
    };
    TicketRow: {
      id: string;
      number: number;
      subject: string;
      status: components["schemas"]["Status"];
      priority: components["schemas"]["Priority"];
      type: components["schemas"]["TicketType"];
      channel: components["schemas"]["Channel"];
      language: string | null;
      requester: components["schemas"]["RequesterView"];
      assignee: components["schemas"]["AssigneeView"] | null;
      group: string | null;
      tags: string[];
      created_at: string;
      updated_at: string;
      version: number;
      sla: components["schemas"]["SlaView"];
      last_message_at: string;
    };
    TicketPage: { items: components["schemas"]["TicketRow"][]; next_cursor: string | null };
    AuthorView: { kind: "agent" | "customer" | "system"; id: string; name: string };
    MessageView: {
      id: string;
      kind: "customer" | "reply" | "note" | "system";
      author: components["schemas"]["AuthorView"];
      text: string;
      added_at: string;
      delivery: ("queued" | "delivered" | "failed") | null;
    };
    MessagePage: { items: components["schemas"]["MessageView"][]; next_cursor: string | null };
    NewMessage: { text: string; expected_version?: number | null };
    TicketPatch: {
      subject?: string;
      status?: components["schemas"]["Status"];
      priority?: components["schemas"]["Priority"];
    };
    AssigneeChange: { assignee_id: string | null };
  };
}
type Json<T> = { headers: Record<string, unknown>; content: { "application/json": T } };
type ById = { query?: never; header?: never; path: { ticket_id: string }; cookie?: never };
type Write = { query?: never; header?: { "Idempotency-Key"?: string }; path: { ticket_id: string }; cookie?: never };
type Edit = { query?: never; header?: { "If-Match"?: string }; path: { ticket_id: string }; cookie?: never };
export interface paths {
  "/api/tickets": {
    get: {
      parameters: {
        query?: {
          status?: components["schemas"]["Status"][];
          assignee?: string;
          sort?: string;
          cursor?: string;
          limit?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: { 200: Json<components["schemas"]["TicketPage"]> };
    };
  };
  "/api/tickets/{ticket_id}": {
    get: { parameters: ById; requestBody?: never; responses: { 200: Json<components["schemas"]["TicketRow"]> } };
    patch: {
      parameters: Edit;
      requestBody: { content: { "application/json": components["schemas"]["TicketPatch"] } };
      responses: { 200: Json<components["schemas"]["TicketRow"]> };
    };
  };
  "/api/tickets/{ticket_id}/messages": {
    get: {
      parameters: {
        query?: { cursor?: string; limit?: number };
        header?: never;
        path: { ticket_id: string };
        cookie?: never;
      };
      requestBody?: never;
      responses: { 200: Json<components["schemas"]["MessagePage"]> };
    };
  };
  "/api/tickets/{ticket_id}/replies": {
    post: {
      parameters: Write;
      requestBody: { content: { "application/json": components["schemas"]["NewMessage"] } };
      responses: { 201: Json<components["schemas"]["MessageView"]> };
    };
  };
  "/api/tickets/{ticket_id}/notes": {
    post: {
      parameters: Write;
      requestBody: { content: { "application/json": components["schemas"]["NewMessage"] } };
      responses: { 201: Json<components["schemas"]["MessageView"]> };
    };
  };
  "/api/tickets/{ticket_id}/assignee": {
    put: {
      parameters: Edit;
      requestBody: { content: { "application/json": components["schemas"]["AssigneeChange"] } };
      responses: { 200: Json<components["schemas"]["TicketRow"]> };
    };
  };
}
