import { type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, useSyncExternalStore } from "react";
import { statusOf } from "@/lib/api/problem.ts";
import { isUnsaved, onUnsaved } from "@/lib/unsaved.ts";

interface DocumentDraft<T> {
  /** As it is kept, in the version that the writer has seen. */
  seen: T;
  /** As it was changed here; null while it is as it was seen. */
  draft: T | null;
  save: UseMutationResult<T, Error, T>;
  /** Somebody else changed it meanwhile: the draft can no longer be saved. */
  isOvertaken: boolean;
  change: (changes: Partial<T>) => void;
  discard: () => void;
}

interface Place<T> {
  queryKey: readonly unknown[];
  /** Saves it over the version of that ETag, and no other. */
  put: (draft: T, ifMatch: string) => Promise<T>;
}

/** A document of settings that is changed here and saved as a whole; `now` is what the server has, as far as is known. */
export function useDocumentDraft<T extends { version: number }>(now: T, { queryKey, put }: Place<T>): DocumentDraft<T> {
  const queryClient = useQueryClient();
  // What the writer has seen: a version that comes in meanwhile must not be written over, nor take away what they did.
  const [seen, setSeen] = useState(now);
  const [draft, setDraft] = useState<T | null>(null);
  // An open sheet is about what was seen as well.
  const isWriting = useSyncExternalStore(onUnsaved, isUnsaved);
  const save = useMutation({
    mutationFn: (changed: T) => put(changed, `"${seen.version}"`),
    onSuccess: (kept, sent) => {
      setSeen(kept);
      // What was changed while it was on its way is a change of what is kept now.
      setDraft((written) => (written === sent ? null : written));
      queryClient.setQueryData(queryKey, kept);
    },
    onError: (error) => statusOf(error) === 412 && queryClient.invalidateQueries({ queryKey }),
  });
  if (draft === null && !isWriting && !save.isPending && now.version > seen.version) {
    setSeen(now);
  }
  // What is on its way goes on whatever is done here: it is to be waited for before anything is saved over it.
  const forgetFailure = () => save.isPending || save.reset();
  return {
    seen,
    draft,
    save,
    isOvertaken: draft !== null && (now.version > seen.version || statusOf(save.error) === 412),
    change: (changes) => {
      setDraft((before) => ({ ...(before ?? seen), ...changes }));
      forgetFailure();
    },
    discard: () => {
      setDraft(null);
      // Also while something else was begun in this page, such as an upload that failed.
      setSeen((before) => (now.version > before.version ? now : before));
      forgetFailure();
    },
  };
}
