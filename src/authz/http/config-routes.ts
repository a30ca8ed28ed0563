// The calls on the server configuration: mc admin config get, set, reset, history, restore, export, import, and their help.
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { SUBSYSTEMS, subSystem } from '../administration/config-subsystems.ts';
import { type ConfigTarget, isEnabled, ServerConfig } from '../administration/server-config.ts';
import {
  clearHistory,
  history,
  historyText,
  importConfig,
  resetConfig,
  restoreConfig,
  setConfig,
  storedConfig,
} from '../administration/server-config-commands.ts';
import { type AdminCall, type AdminReply, DONE, jsonReply } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';

const ACTION = 'admin:ConfigUpdate';
/** MinIO: said of a change that needs no restart. */
const APPLIED: AdminReply = { status: 200, headers: { 'x-minio-config-applied': 'true' } };

export const CONFIG_ROUTES: readonly AdminRoute[] = [
  { method: 'GET', path: 'help-config-kv', action: ACTION, handle: async (call) => jsonReply(help(call)) },
  { method: 'GET', path: 'get-config-kv', action: ACTION, handle: getConfig },
  { method: 'PUT', path: 'set-config-kv', action: ACTION, handle: putConfig },
  { method: 'DELETE', path: 'del-config-kv', action: ACTION, handle: deleteConfig },
  { method: 'GET', path: 'list-config-history-kv', action: ACTION, handle: listHistory },
  { method: 'DELETE', path: 'clear-config-history-kv', action: ACTION, handle: deleteHistory },
  { method: 'PUT', path: 'restore-config-history-kv', action: ACTION, handle: restoreHistory },
  { method: 'GET', path: 'config', action: ACTION, handle: exportConfig },
  { method: 'PUT', path: 'config', action: ACTION, handle: putWholeConfig },
];

async function getConfig(call: AdminCall): Promise<AdminReply> {
  const lines = storedConfig(call.service.records).lines(call.query('key'));
  // MinIO: a line alone has no end
  return call.sealedTextReply(lines.length > 1 ? lines.map((line) => `${line}\n`).join('') : lines.join(''));
}

async function putConfig(call: AdminCall): Promise<AdminReply> {
  const { service } = call;
  const text = await call.sealedText();
  const { changed, dynamic } = storedConfig(service.records).with(text);
  await requireUsable(call, changed);
  await service.run(setConfig(service.records, text, service.nowMs()));
  return dynamic ? APPLIED : DONE;
}

async function deleteConfig(call: AdminCall): Promise<AdminReply> {
  const { service } = call;
  await service.run(resetConfig(await call.sealedText(), service.nowMs()));
  return DONE;
}

async function exportConfig(call: AdminCall): Promise<AdminReply> {
  return call.sealedTextReply(storedConfig(call.service.records).exportLines().join('\n'));
}

async function putWholeConfig(call: AdminCall): Promise<AdminReply> {
  const { service } = call;
  const text = await call.sealedText();
  await requireUsable(call, ServerConfig.empty().with(text).changed);
  await service.run(importConfig(service.records, text, service.nowMs()));
  return DONE;
}

async function listHistory(call: AdminCall): Promise<AdminReply> {
  const text = call.query('count');
  if (!/^-?\d{1,9}$/.test(text)) throw new AdminRefusal('InvalidArgument', 'count must be a number.');
  const count = Number(text);
  const entries = history(call.service.records);
  const shown = count > 0 ? entries.slice(-count) : entries;
  return call.sealedReply(
    shown.map(({ id, text: data, createdMs }) => ({
      restoreId: id,
      createTime: new Date(createdMs).toISOString(),
      data,
    })),
  );
}

async function deleteHistory(call: AdminCall): Promise<AdminReply> {
  const { service } = call;
  await service.run(clearHistory(service.records, requiredId(call), service.nowMs()));
  return DONE;
}

async function restoreHistory(call: AdminCall): Promise<AdminReply> {
  const { service } = call;
  const id = requiredId(call);
  const { changed } = storedConfig(service.records).with(historyText(service.records, id));
  await requireUsable(call, changed);
  await service.run(restoreConfig(service.records, id, service.nowMs()));
  return DONE;
}

function requiredId(call: AdminCall): string {
  const id = call.query('restoreId');
  if (id === '') throw new AdminRefusal('InvalidRequest', 'restoreId is missing.');
  return id;
}

/** Targets that are turned on are connected to: what cannot be reached is not configured. */
async function requireUsable(call: AdminCall, changed: readonly ConfigTarget[]): Promise<void> {
  for (const target of changed) {
    if (!isEnabled(target)) continue;
    const problem = await call.service.targetProblem(target);
    if (problem !== undefined) throw new AdminRefusal('ConfigRefused', problem);
  }
}

/** What a sub-system and its keys mean; without a sub-system, which there are. */
function help(call: AdminCall): object {
  const [name = ''] = call.query('subSys').split(':');
  if (name === '') {
    const keysHelp = SUBSYSTEMS.map((each) => ({
      key: each.name,
      type: '',
      description: each.description,
      optional: false,
      multipleTargets: each.multipleTargets,
    }));
    return { subSys: '', description: '', multipleTargets: false, keysHelp };
  }
  const known = subSystem(name);
  if (known === undefined) throw new AdminRefusal('ConfigError', `unknown sub-system ${name}`);
  const key = call.query('key');
  const keys = known.keys.filter((each) => key === '' || each.key === key);
  if (keys.length === 0) throw new AdminRefusal('ConfigError', `unknown key ${key} for sub-system ${name}`);
  const asked = keys.map((each) => ({ ...each, multipleTargets: false }));
  return {
    subSys: name,
    description: known.description,
    multipleTargets: known.multipleTargets,
    keysHelp: call.request.query.some(([parameter]) => parameter === 'env') ? environmentHelp(known, asked) : asked,
  };
}

function environmentHelp(known: { name: string; multipleTargets: boolean }, keys: { key: string }[]): object[] {
  const variable = (key: string): string => `MINIO_${known.name.toUpperCase()}_${key.toUpperCase()}`;
  const enable = {
    key: variable('enable'),
    type: 'on|off',
    description: `enable ${known.name} target, default is 'off'`,
    optional: false,
    multipleTargets: false,
  };
  return [...(known.multipleTargets ? [enable] : []), ...keys.map((each) => ({ ...each, key: variable(each.key) }))];
}
