import { answer, gateway } from "./client.ts";
import { ApiError, type Problem, retryAfter } from "./problem.ts";
import type { KeptFile } from "./types.ts";

export interface Upload {
  done: Promise<KeptFile>;
  cancel: () => void;
}

/**
 * Sends a file; `onProgress` gets the part that is on its way, from 0 to 1. `done` raises `ApiError`, or TypeError when
 * the desk does not answer, as fetch does, which cannot tell how far it is.
 */
export function upload(file: File, onProgress: (part: number) => void): Upload {
  let request = new XMLHttpRequest();

  const send = () =>
    new Promise<KeptFile>((resolve, reject) => {
      request.open("POST", `/api/attachments?name=${encodeURIComponent(file.name)}`);
      request.setRequestHeader("X-Desk-CSRF", "1");
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.responseType = "json";
      request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
      request.onerror = () => reject(new TypeError("the desk did not answer"));
      request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
      request.onload = () => {
        const after = retryAfter(request.getResponseHeader("Retry-After"), Date.now());
        if (request.status === 201) {
          resolve(request.response as KeptFile);
        } else {
          reject(new ApiError(request.status, (request.response as Problem | null) ?? {}, after));
        }
      };
      request.send(file);
    });

  const done = send().catch(async (error: unknown) => {
    if (!(error instanceof ApiError) || error.status !== 401) {
      throw error;
    }
    // Renews the session on the way; a session that is over leads to the sign-in page.
    await answer(gateway.GET("/api/auth/session"));
    request = new XMLHttpRequest();
    return send();
  });
  return { done, cancel: () => request.abort() };
}
