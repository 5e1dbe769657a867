export interface components {
  schemas: {
    SignIn: { email: string; password: string };
    SessionView: {
      account_id: string;
      name: string;
      email: string;
      role: "customer" | "agent" | "supervisor" | "admin";
      groups: string[];
      languages: string[];
    };
  };
}
type Json<T> = { headers: Record<string, unknown>; content: { "application/json": T } };
type Empty = { headers: Record<string, unknown>; content?: never };
export interface paths {
  "/api/auth/sign-in": {
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody: { content: { "application/json": components["schemas"]["SignIn"] } };
      responses: { 200: Json<components["schemas"]["SessionView"]> };
    };
  };
  "/api/auth/sign-out": {
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 204: Empty };
    };
  };
  "/api/auth/session": {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never };
      requestBody?: never;
      responses: { 200: Json<components["schemas"]["SessionView"]> };
    };
  };
}
