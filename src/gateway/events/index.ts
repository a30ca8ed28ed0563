// Notifications: what the gateway's processes use of them.
export { type EventsFromWorker, type EventsToWorker, isEventMessage } from './event-messages.ts';
export { EventPublisher } from './event-publisher.ts';
export { EventService } from './event-service.ts';
export { notificationOperations } from './notification-operations.ts';
export { environmentKeys } from './target-settings.ts';
export { targetProblem } from './targets/open-target.ts';
