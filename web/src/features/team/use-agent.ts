import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, routing } from "@/lib/api/client.ts";
import type { Agent } from "@/lib/api/types.ts";
import { teamKeys } from "./queries.ts";

export interface AgentSettings {
  skills: string[];
  languages: string[];
  capacity: number;
  available: boolean;
}

/** Sets what routing keeps of somebody; what is left out stays. It is shown at once, and taken back if it fails. */
export function useConfigureAgent(agent: Agent, onDone?: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async (changes: Partial<AgentSettings>): Promise<Agent> => {
      const { skills, languages, capacity, available } = { ...agent, ...changes };
      return answer(
        routing.PUT("/api/agents/{agent_id}", {
          params: { path: { agent_id: agent.id } },
          body: { skills, languages, capacity, available },
        }),
      );
    },
    onMutate: async (changes) => {
      await queryClient.cancelQueries({ queryKey: teamKeys.agents });
      const before = queryClient.getQueryData<Agent[]>(teamKeys.agents)?.find(({ id }) => id === agent.id);
      queryClient.setQueryData<Agent[]>(teamKeys.agents, (all) =>
        all?.map((each) => (each.id === agent.id ? { ...each, ...changes } : each)),
      );
      return before;
    },
    onError: (_error, _changes, before) =>
      queryClient.setQueryData<Agent[]>(teamKeys.agents, (all) =>
        all?.map((each) => (each.id === before?.id ? before : each)),
      ),
    ...(onDone && { onSuccess: onDone }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: teamKeys.agents }),
  });
}
