// Calls that exist in the admin API and not in this service. They are decided like all others: who may not make one is refused, and
// who may is told that there is nothing behind it.
import { AdminRefusal } from '../administration/admin-refusal.ts';
import type { AdminRoute } from './admin-route.ts';

const absent = (method: AdminRoute['method'], path: string, action: string): AdminRoute => ({
  method,
  path,
  action,
  handle() {
    throw new AdminRefusal('NotImplemented');
  },
});

export const ABSENT_ROUTES: readonly AdminRoute[] = [
  {
    ...absent('POST', 'service', 'admin:ServiceRestart'),
    narrower: (call) => (call.query('action') === 'stop' ? 'admin:ServiceStop' : undefined),
  },
  absent('POST', 'update', 'admin:ServerUpdate'),
  absent('POST', 'profile', 'admin:Profiling'),
  absent('POST', 'profiling/start', 'admin:Profiling'),
  absent('GET', 'profiling/download', 'admin:Profiling'),
  absent('GET', 'healthinfo', 'admin:OBDInfo'),
  absent('GET', 'obdinfo', 'admin:OBDInfo'),
  absent('GET', 'bandwidth', 'admin:BandwidthMonitor'),
  absent('GET', 'storageinfo', 'admin:StorageInfo'),
  absent('GET', 'datausageinfo', 'admin:DataUsageInfo'),
  absent('GET', 'trace', 'admin:ServerTrace'),
  absent('GET', 'log', 'admin:ConsoleLog'),
  absent('GET', 'top/locks', 'admin:TopLocksInfo'),
  absent('POST', 'heal', 'admin:Heal'),
  absent('POST', 'heal/*', 'admin:Heal'),
  absent('POST', 'background-heal/status', 'admin:Heal'),
  absent('POST', 'kms/key/create', 'admin:KMSCreateKey'),
  absent('GET', 'kms/key/status', 'admin:KMSKeyStatus'),
  absent('GET', 'get-bucket-quota', 'admin:GetBucketQuota'),
  absent('PUT', 'set-bucket-quota', 'admin:SetBucketQuota'),
  absent('GET', 'list-remote-targets', 'admin:GetBucketTarget'),
  absent('PUT', 'set-remote-target', 'admin:SetBucketTarget'),
  absent('DELETE', 'remove-remote-target', 'admin:SetBucketTarget'),
  absent('GET', 'tier', 'admin:ListTier'),
  absent('PUT', 'tier', 'admin:SetTier'),
  absent('POST', 'tier/*', 'admin:SetTier'),
  absent('DELETE', 'tier/*', 'admin:SetTier'),
  absent('GET', 'list-jobs', 'admin:ListBatchJobs'),
  absent('GET', 'describe-job', 'admin:DescribeBatchJobs'),
  absent('POST', 'start-job', 'admin:StartBatchJob'),
  absent('DELETE', 'cancel-job', 'admin:CancelBatchJob'),
  absent('POST', 'rebalance/start', 'admin:Rebalance'),
  absent('GET', 'rebalance/status', 'admin:Rebalance'),
  absent('POST', 'rebalance/stop', 'admin:Rebalance'),
];
