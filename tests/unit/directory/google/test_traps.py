"""The traps of the Directory API that a client can meet, and the test of each, in the research's sections.

======= ================================================== ============================================================
section trap                                               test
======= ================================================== ============================================================
1       only the clause's fields, the right parameters     test_nothing_but_the_clauses_fields_is_asked_for
1       showDeleted is the text "true"                     test_nothing_but_the_clauses_fields_is_asked_for
1       an empty collection leaves its key out             test_an_account_without_groups_is_complete
1       a page with a token may be empty                   test_a_page_may_be_empty_and_go_on
1       200 with data missing                              test_an_empty_listing_is_asked_for_twice
1       200 with data missing: people                      test_people_missing_from_a_hollow_page_are_found_again
1       nobody at all                                      test_no_person_at_all_is_not_certified
1       a mask without kind or token                       test_nothing_but_the_clauses_fields_is_asked_for
1       a read by address finds whoever has it as an alias test_an_address_is_never_asked_for
1       a deleted id answers 404                           test_every_id_asked_about_has_an_answer
1       liveness from a search query                       test_nothing_but_the_clauses_fields_is_asked_for
1       paging is no snapshot: missed                      test_a_rename_behind_the_cursor_is_confirmed
1       paging is no snapshot: seen twice                  test_a_rename_ahead_of_the_cursor_counts_once
1       the same page twice                                test_duplicates_across_pages_count_once
1       page tokens live three days                        test_a_page_token_that_expired_by_the_clock_begins_again
2       an id is a text, kept across changes               test_an_email_swap_between_pages_keeps_both_ids
2       one-name people: U+200B                            test_one_name_people_have_an_empty_family_name
2       a name or a part is missing                        test_a_person_without_a_name_is_a_person
2       archived is apart from suspended                   test_archived_and_suspended_people_are_inactive
2       a deleted person has hardly a field                test_every_id_asked_about_has_an_answer
2       fields that churn without a change                 test_nothing_but_the_clauses_fields_is_asked_for
3       rename keeps the id                                test_a_rename_ahead_of_the_cursor_counts_once
3       an address under a new id                          test_an_address_used_again_is_another_person
3       addresses swapped                                  test_an_email_swap_between_pages_keeps_both_ids
3       undelete within 20 days                            test_an_undeleted_person_is_present
3       gone from both lists after 20 days                 test_after_twenty_days_the_read_by_id_still_says_so
3       412 for a fresh user                               test_a_passing_trouble_changes_nothing
3       a fresh group says 404 to members                  test_a_fresh_group_is_waited_for
4       userKey lists direct groups only: not used         test_nested_groups_are_followed_to_any_depth
4       directMembersCount may be stale: not used          test_nothing_but_the_clauses_fields_is_asked_for
5       CUSTOMER without email and status                  test_the_whole_customer_is_everybody
5       outsiders are USER without status                  test_outsiders_are_no_identities
5       members without status, with alias                 test_members_are_joined_by_id
5       the status of a suspended member                   test_a_suspended_member_keeps_the_group
5       members without an id                              test_a_nested_group_that_does_not_say_which_it_is_is_noted
5       derived membership is inconsistent: not used       test_nothing_but_the_clauses_fields_is_asked_for
6       own expansion, any depth                           test_nested_groups_are_followed_to_any_depth
6       a cycle observed                                   test_a_cycle_that_a_read_can_see_is_harmless
6       another customer's child group: 403                test_a_foreign_nested_group_is_passed_over
6       a child group outside the list                     test_a_readable_nested_group_outside_the_list_leads_onward
6       a group vanishes between list and members          test_a_group_that_vanishes_is_no_group
7       etags prove nothing: neither asked for nor sent    test_nothing_but_the_clauses_fields_is_asked_for
8       every passing error, each listing                  test_a_passing_trouble_changes_nothing
8       every lasting error, each listing                  test_a_lasting_trouble_is_an_error_and_no_directory
8       every refusal                                      test_a_refused_listing_says_what_to_mend
8       accessNotConfigured has the domain usageLimits     test_a_refusal_is_final_and_says_what_is_known
8       400 for a bad page token                           test_an_expired_page_token_begins_the_listing_again
8       401                                                test_a_401_in_the_middle_fetches_one_new_token
8       403 is never "gone"                                test_no_clear_answer_is_uncertain
8       Retry-After                                        test_retry_after_is_obeyed
9       rate per project                                   test_no_minute_sees_more_than_the_quota
9       rate per project, shared                           test_directories_of_one_project_share_a_limiter
9       concurrency per account                            test_no_more_requests_are_under_way_than_allowed
9       backoff schedule                                   test_the_attempts_wait_by_googles_schedule
12      the two read-only scopes                           test_a_service_account_reads_for_an_administrator
12      one missing scope fails all                        test_a_missing_grant_is_not_an_empty_directory
12      bad, deleted or suspended subject                  test_an_unknown_subject_is_refused
12      clock skew                                         test_a_wrong_clock_is_named
12      the administrator is suspended in the middle       test_an_administrator_suspended_in_the_middle_is_a_refusal
12      my_customer without a subject                      test_a_refused_listing_says_what_to_mend
13      quotaExceeded is not retried by the library        test_a_passing_trouble_changes_nothing
13      Retry-After is ignored by the library              test_retry_after_is_obeyed
13      IncompleteRead                                     test_a_passing_trouble_changes_nothing
13      200 with HTML, empty, truncated is a str           test_a_passing_trouble_changes_nothing
13      a second 401                                       test_a_second_401_is_a_refusal
13      a token 200 with HTML is a bare TypeError          test_a_token_answer_that_is_none_is_malformed
13      a redirect is followed silently                    test_a_redirect_is_not_followed
13      a static discovery document                        test_building_the_client_needs_no_network
13      import is heavy                                    test_importing_the_adapter_is_cheap
13      Http is not thread-safe                            test_a_directory_may_be_shared_by_threads
13      timeouts                                           test_a_silent_server_is_given_up
14      inner parts of a batch are throttled in a 200      test_no_batch_is_ever_sent
======= ================================================== ============================================================
"""

from __future__ import annotations

import re
from pathlib import Path


def test_every_trap_names_a_test_that_exists() -> None:
    """The table above is checked: each line's test stands in a file beside this one."""
    here = Path(__file__).parent
    written = set(
        re.findall(r"^def (test_\w+)", "".join(p.read_text("utf-8") for p in here.glob("test_*.py")), re.MULTILINE)
    )
    named = set(re.findall(r"\b(test_\w+)$", __doc__, re.MULTILINE))
    assert len(named) > 40
    assert named - written == set()
