/** The services' words, as the screens use them. The schemas are generated from `docs/openapi` (`npm run api`). */
import type { components as Gateway } from "./schema/gateway.ts";
import type { components as Routing } from "./schema/routing.ts";
import type { components as Tickets } from "./schema/tickets.ts";

export type Session = Gateway["schemas"]["SessionView"];
export type TicketRow = Tickets["schemas"]["TicketRow"];
export type TicketPage = Tickets["schemas"]["Page_TicketRow_"];
export type Ticket = Tickets["schemas"]["TicketView"];
export type Status = TicketRow["status"];
export type Priority = TicketRow["priority"];
export type Sla = TicketRow["sla"];
export type Message = Tickets["schemas"]["MessageView"];
export type Thread = Pick<Tickets["schemas"]["ThreadPage"], "items" | "thread_version">;
export type WrittenMessage = Tickets["schemas"]["WrittenMessage"];
export type Agent = Routing["schemas"]["AgentView"];
export type RoutingDecision = Routing["schemas"]["DecisionView"];
